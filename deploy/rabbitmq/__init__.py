"""RabbitMQ's virtual host, exchanges, queues, policies and accounts."""

"""MongoDB's replica set, administrator and the services' accounts."""

// Reads messages as they came from RabbitMQ (a JSON array of {contentType, body}) with CloudEvents' own JavaScript
// package, checks each by its rules, and prints what it has understood.
import { readFileSync } from "node:fs";
import { HTTP } from "cloudevents";

const read = ({ contentType, body }) => {
  const event = HTTP.toEvent({ headers: { "content-type": contentType }, body });
  event.validate();
  return event.toJSON();
};

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(read)));

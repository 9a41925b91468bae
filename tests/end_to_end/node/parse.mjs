// Reads AsyncAPI documents (a JSON object of name → document) with AsyncAPI's own parser and prints, for each, what the
// parser says of it: how many messages of each severity, and those messages.
import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

const SEVERITIES = ["error", "warning", "information", "hint"];

const verdict = async (text) => {
  const { document, diagnostics } = await new parser.Parser().parse(text);
  return {
    understood: document !== undefined,
    version: document?.version(),
    messages: document?.messages().all().length,
    counts: Object.fromEntries(SEVERITIES.map((name, of) => [name, diagnostics.filter((one) => one.severity === of).length])),
    said: diagnostics.map((one) => `${SEVERITIES[one.severity]} ${one.code} ${one.path.join(".")}: ${one.message}`),
  };
};

const given = Object.entries(JSON.parse(readFileSync(0, "utf8")));
const found = await Promise.all(given.map(async ([name, one]) => [name, await verdict(JSON.stringify(one))]));
console.log(JSON.stringify(Object.fromEntries(found)));

// Parser for server-sent events.

/** Splits received text into complete blocks and the remainder, the start of the next block. */
export const splitBlocks = (text) => {
  const blocks = text.split("\n\n");
  const rest = blocks.pop();
  return { blocks, rest };
};

/** Parses a block: its id and event type, if present, and the JSON data of an event. */
export const parseEvent = (block) => {
  const field = (name) => block.match(`(?:^|\\n)${name}: (.*)`)?.[1];
  const type = field("event");
  return { id: field("id"), type, data: type && JSON.parse(field("data")) };
};

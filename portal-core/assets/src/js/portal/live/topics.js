// Topics of live regions.

/** Returns the topics in a `data-topics` attribute. */
export const parseTopics = (attribute) => attribute.split(" ");

/** Returns the topics of several attributes, sorted, without duplicates, as the server expects. */
export const joinTopics = (attributes) =>
  [...new Set(attributes.flatMap(parseTopics))].sort().join();

/** Returns `true` if joined topics include all topics of an attribute. */
export const includesAll = (joined, attribute) => {
  const topics = joined.split(",");
  return parseTopics(attribute).every((topic) => topics.includes(topic));
};

/** Returns `true` if an attribute has one of the topics. */
export const hasAny = (attribute, topics) =>
  parseTopics(attribute).some((topic) => topics.includes(topic));

// Topics of live regions.

/** Returns the topics in a `data-topics` attribute. */
export const parseTopics = (attribute) => attribute.split(" ");

/** Joins the topics of several attributes, sorted and without duplicates, for the server. */
export const joinTopics = (attributes) =>
  [...new Set(attributes.flatMap(parseTopics))].sort().join();

/** Returns `true` if the joined topics include all topics in an attribute. */
export const includesAll = (joined, attribute) => {
  const topics = joined.split(",");
  return parseTopics(attribute).every((topic) => topics.includes(topic));
};

/** Returns `true` if an attribute contains any of the topics. */
export const hasAny = (attribute, topics) =>
  parseTopics(attribute).some((topic) => topics.includes(topic));

// Text for toasts about new notifications.

/** Returns the text for the latest notification and the number of other new notifications. */
export const notificationText = ({ title, text }, more) => {
  if (more > 0) return `${title}, and ${more} more`;
  return text ? `${title}: ${text}` : title;
};

// Fetches task pages, parts of which other scripts show.
import { $, formatTimes } from "../common/helpers.js";

const parseTask = async (response) => {
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  formatTimes(page);
  return document.adoptNode($("pt-task", page));
};

/** Returns a task's element from its page, or `null` if the page is not available. */
export const fetchTask = async (href) => {
  try {
    const response = await fetch(href, { headers: { accept: "text/html" } });
    const isPage = response.headers.get("content-type")?.startsWith("text/html");
    return isPage && response.ok && !response.redirected ? await parseTask(response) : null;
  } catch {
    return null;
  }
};

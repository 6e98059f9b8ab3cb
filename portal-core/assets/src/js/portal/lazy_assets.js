// Scripts and styles that few pages need. They are served from the directory of this script.
import { $, createElement, on } from "./dom.js";

// The server replaces `@` and the name after it with the name under which it serves the file.
const CHARTS = "@charts.js";
const TASKS = "@tasks.js";

// `currentScript` is set only during the initial execution of the script.
const scriptUrl = document.currentScript.src;
const loading = new Map();

const loadFile = (file) =>
  new Promise((resolve, reject) => {
    if ($(`head>link[href$="${file}"]`)) return resolve();
    const href = new URL(file, scriptUrl).href;
    const element = file.endsWith("css")
      ? createElement("link", { rel: "stylesheet", href })
      : createElement("script", { src: href });
    element.onload = () => {
      element.dataset.loaded = "";
      resolve();
    };
    element.onerror = () => {
      loading.delete(file);
      element.remove();
      reject();
    };
    document.head.append(element);
  });

/** Loads a space-separated list of files. Each file is fetched once. */
export const loadAssets = (files) =>
  Promise.all(
    files.split(" ").map((file) => {
      if (!loading.has(file)) loading.set(file, loadFile(file));
      return loading.get(file);
    }),
  );

// Pages work without these files, so failures are not reported.
const tryToLoad = (files) => loadAssets(files).catch(() => {});

/** Loads the files that swapped-in content needs. A response header lists its style sheets. */
export const fetchStyles = (part, headers) => {
  const styles = headers?.get("x-portal-stylesheets");
  if (styles) tryToLoad(styles);
  if ($("pt-chart-tip", part)) tryToLoad(CHARTS);
};

on("htmx:after:swap", ({ detail: { ctx } }) => fetchStyles(document, ctx?.response?.headers));

/** Loads the script for task pages if this is a task page. */
export const loadTaskScript = () => {
  if ($("pt-task-monitor,pt-task")) tryToLoad(TASKS);
};

customElements.define(
  "pt-lazy-assets",
  class extends HTMLElement {
    connectedCallback() {
      tryToLoad(this.dataset.files);
    }
  },
);

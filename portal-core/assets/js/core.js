// Progressive enhancement: every page works without this script. Light DOM only; no eval, no inline handlers.
// The files of this directory are served as one function after htmx, in the order that assets.rs sets.
const root = document.documentElement;
const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const on = (type, handler, capture) => document.addEventListener(type, handler, capture);
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const scriptUrl = document.currentScript.src;
const loading = {};
// Scripts and styles that few pages need are served from the same directory. Each is fetched once.
const load = (files) => Promise.all(files.split(" ").map((file) => loading[file] ??= new Promise((done, fail) => {
  if ($(`head>link[href$="${file}"]`)) return done();
  const href = new URL(file, scriptUrl).href;
  const node = file.endsWith("css") ? make("link", { rel: "stylesheet", href }) : make("script", { src: href });
  node.onload = () => { node.dataset.loaded = ""; done(); };
  node.onerror = () => { delete loading[file]; node.remove(); fail(); };
  document.head.append(node);
})));
// Content that is swapped in later may need a file that the page has not loaded; its response names style sheets.
const fetchStyles = (part, headers) => {
  headers?.get("x-portal-stylesheets")?.split(" ").forEach((file) => load(file).catch(() => {}));
  if ($("pt-chart-tip", part)) load("@charts.js").catch(() => {});
};
customElements.define("pt-lazy-assets", class extends HTMLElement {
  connectedCallback() { load(this.dataset.files).catch(() => {}); }
});

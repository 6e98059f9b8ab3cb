// Behaviour on top of pages that already work. Light DOM only; no eval, no inline handlers.
// The files of this directory are served as one function, after htmx; assets.rs says in which order.
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

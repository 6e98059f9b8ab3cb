// Shorthands for DOM functions that most modules use.

/** Root element of the page. */
export const root = document.documentElement;

/** Returns the first match of a selector. */
export const $ = (selector, from = document) => from.querySelector(selector);

/** Returns all matches of a selector as an array. */
export const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];

/** Adds an event listener to the document. */
export const on = (type, handler, capture) => document.addEventListener(type, handler, capture);

/** Creates an element with attributes and children. */
export const createElement = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

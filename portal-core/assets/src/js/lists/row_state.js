// A notice in the open form of a record, shown if another user has changed the record.
import { $, on } from "../common/helpers.js";

const DELAY = 300;

let timer;

const fetchState = async (url) => {
  const headers = { accept: "text/html", "x-portal-region": "row-state" };
  const response = await fetch(url, { headers, redirect: "error" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return page.getElementById("row-state");
};

const refreshRowState = async () => {
  timer = undefined;
  const form = $("dialog[data-back] form[data-guard],form[data-record]");
  const version = form && $("[name=_version]", form);
  const state = version && $("#row-state", form);
  if (!state) return;
  const url = new URL(state.dataset.url, location.href);
  url.searchParams.set("version", version.value);
  try {
    const fresh = await fetchState(url);
    const old = $("#row-state", form);
    if (fresh && old && !old.isEqualNode(fresh)) old.replaceWith(fresh);
  } catch {
    // The next change triggers another request.
  }
};

on("portal:changed", () => {
  if (!timer) timer = setTimeout(refreshRowState, DELAY);
});

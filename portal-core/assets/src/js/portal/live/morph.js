// Morphs live regions into their new versions.
import { $, $$, createElement } from "../dom.js";
import { updateSelection } from "../selection.js";
import { formatTimes } from "../time.js";

// Attributes that scripts or the user change, such as those of open menus and of the row that is
// open in a drawer.
const KEPT_ATTRIBUTES = /^(open|style|data-current|aria-(busy|expanded|selected))$/;

let morph;
let isMorphing = false;

// Returns `true` if a field may be morphed. Fields with input that the user has changed are kept.
const canMorphField = (old, fresh) => {
  const isCheckable = /^(checkbox|radio)$/.test(old.type);
  if (old.name === fresh.name && !(isCheckable && old.value !== fresh.value)) {
    return isCheckable || old.value === old.defaultValue;
  }
  // A different field replaces the old one.
  if (isCheckable) old.checked = fresh.checked;
  else if (old.type !== "file") old.value = fresh.value;
  return true;
};

htmx.registerExtension("portal-live", {
  init: (api) => {
    ({ morph } = api);
  },
  htmx_before_morph_attr: (_old, { attrName: name }) => !isMorphing || !KEPT_ATTRIBUTES.test(name),
  htmx_before_morph_node: (old, { newNode: fresh }) =>
    !isMorphing || !old.matches?.("input,textarea") || canMorphField(old, fresh),
});

const announce = (text) => {
  let announcer = $("#pt-announcer");
  if (!announcer) {
    const attributes = { id: "pt-announcer", class: "pt-sr-only", role: "status" };
    announcer = createElement("div", attributes);
    document.body.append(announcer);
  }
  // Screen readers announce text only if it differs from the previous text.
  announcer.textContent = announcer.textContent === text ? `${text}\u00a0` : text;
};

/** Replaces the content of a region with its new version, keeping focus and input. */
export const morphRegion = (region, fresh) => {
  formatTimes(fresh);
  if (region.isEqualNode(fresh)) return;
  const focus = document.activeElement;
  region.dataset.topics = fresh.dataset.topics;
  isMorphing = true;
  try {
    morph(region, fresh, true);
  } finally {
    isMorphing = false;
  }
  htmx.process(region);
  if (focus !== document.activeElement && focus.isConnected) focus.focus({ preventScroll: true });
  for (const table of $$("table", region)) {
    if ($("[data-select]:checked", table)) updateSelection(table);
  }
  if (region.dataset.announce) announce(region.dataset.announce);
  region.dispatchEvent(new CustomEvent("portal:drawn", { bubbles: true }));
};

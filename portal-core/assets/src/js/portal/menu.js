// Menus are popovers. If the browser does not support anchor positioning, this script places them
// next to their buttons.
import { $, on } from "./dom.js";

const GAP = 8;
const MARGIN = 4;

const placeMenu = (menu, button) => {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const { place } = menu.dataset;
  const isBelow = place !== "top" && button.bottom + height + GAP < innerHeight;
  const top = isBelow ? button.bottom : Math.max(MARGIN, button.top - height - GAP);
  const left = Math.max(MARGIN, place ? button.left : button.right - width);
  menu.style.top = `${top}px`;
  menu.style.left = `${left}px`;
};

if (!CSS.supports("position-area", "bottom")) {
  on(
    "toggle",
    ({ target: menu, newState }) => {
      if (newState !== "open" || !menu.matches(".pt-menu")) return;
      const button = menu.source ?? $(`[popovertarget="${CSS.escape(menu.id)}"]`);
      if (button) placeMenu(menu, button.getBoundingClientRect());
    },
    true,
  );
}

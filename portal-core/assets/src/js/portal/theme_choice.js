// Theme settings.

const SETTINGS = ["accent", "gray", "radius", "scaling", "appearance", "density"];

/** Returns `true` if a field has the name of a theme setting. */
export const isThemeSetting = (name) => SETTINGS.includes(name);

/**
 * Returns the name, the chosen value and the displayed value of a field.
 *
 * An empty value means the portal's default, which is in the `data-shows` of the field.
 */
export const themeChoice = ({ name, value, dataset }) => [name, value, value || dataset.shows];

// Settings of a theme.

const SETTINGS = ["accent", "gray", "radius", "scaling", "appearance", "density"];

/** Returns `true` if a field has the name of a theme setting. */
export const isThemeSetting = (name) => SETTINGS.includes(name);

/**
 * Returns name, chosen value and shown value of a field.
 *
 * An empty value is the portal's default, which the field names in `data-shows`.
 */
export const themeChoice = ({ name, value, dataset }) => [name, value, value || dataset.shows];

// Shortcut letters for the navigation links.

/** Returns a map from letters to links. Each link gets the first free letter in its name. */
export const assignLetters = (links) => {
  const shortcuts = new Map();
  for (const link of links) {
    const letters = [...link.textContent.toLowerCase()];
    const letter = letters.find((it) => /[a-z]/.test(it) && !shortcuts.has(it));
    if (letter) shortcuts.set(letter, link);
  }
  return shortcuts;
};

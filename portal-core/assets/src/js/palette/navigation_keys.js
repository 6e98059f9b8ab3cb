// Letters of the links of the navigation.

/** Returns a map from letters to links: each has the first letter of its name that is free. */
export const assignLetters = (links) => {
  const shortcuts = new Map();
  for (const link of links) {
    const letters = [...link.textContent.toLowerCase()];
    const letter = letters.find((it) => /[a-z]/.test(it) && !shortcuts.has(it));
    if (letter) shortcuts.set(letter, link);
  }
  return shortcuts;
};

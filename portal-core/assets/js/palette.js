// The command palette.

// Regions that are drawn anew when their topic changes.

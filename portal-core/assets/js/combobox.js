// Fields that search while one types.

"""Ask app stores which apps a storefront lists: Apple's lookup, and pages of Google Play."""

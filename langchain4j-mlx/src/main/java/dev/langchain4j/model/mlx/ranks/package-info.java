/**
 * A model that several ranks compute together. The first one leads: it has the requests, the prompt cache and the
 * sampling, and tells the others what it does with its layers, which they do with theirs. Entries: {@link
 * dev.langchain4j.model.mlx.ranks.Ranks}.
 */
@Internal
package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.Internal;

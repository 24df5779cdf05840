/** What a model folder holds: config.json, weights, adapter. Entries: ModelConfig, Weights, LanguageModel. */
@Internal
package dev.langchain4j.model.mlx.model;

import dev.langchain4j.Internal;

/** Loading: folder to weights to language model. Entries: ModelLoader, ModelRegistry, LanguageModel. */
@Internal
package dev.langchain4j.model.mlx.model;

import dev.langchain4j.Internal;

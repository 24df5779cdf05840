/**
 * From prompt tokens to generated tokens. Entries: Engine, GenerationRequest, GenerationListener, GenerationResult, Sampling.
 * Knows nothing of messages, templates or tools.
 */
@Internal
package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.Internal;

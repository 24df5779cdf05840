/**
 * From prompt tokens to generated tokens. Entries: Engine, GenerationRequest, GenerationListener, GenerationResult,
 * Sampling, EngineLimits. The way of a request: Engine.submit, Scheduler.pass, Generation.step, Prefill, Decoder,
 * Answer. Knows nothing of messages, templates or tools.
 */
@Internal
package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.Internal;

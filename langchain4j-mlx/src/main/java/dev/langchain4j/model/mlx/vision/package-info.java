/**
 * From pictures to what a language model reads: preprocessing, and the contract of vision towers. Internal.
 */
@Internal
package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.Internal;

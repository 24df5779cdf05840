/**
 * Reads what a model wrote: reasoning, answer and tool calls, while it is being written.
 *
 * <p>{@link dev.langchain4j.model.mlx.parse.OutputParser} is the entry; {@link
 * dev.langchain4j.model.mlx.parse.CallFormat} is what it asks of a format of tool calls,
 * {@link dev.langchain4j.model.mlx.parse.ReasoningFormat} how reasoning is set apart. Pure text: nothing here knows
 * tokens, models or native code.
 */
@Internal
package dev.langchain4j.model.mlx.parse;

import dev.langchain4j.Internal;

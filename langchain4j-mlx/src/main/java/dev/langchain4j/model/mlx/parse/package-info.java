/**
 * Reads what a model wrote: reasoning, answer and tool calls, while it is being written.
 *
 * <p>{@link dev.langchain4j.model.mlx.parse.OutputParser} is the entry; {@link dev.langchain4j.model.mlx.parse.ToolCallFormat}
 * and {@link dev.langchain4j.model.mlx.parse.ReasoningFormat} recognise from a chat template what its model writes.
 * Pure text: nothing here knows tokens, models or native code.
 */
package dev.langchain4j.model.mlx.parse;

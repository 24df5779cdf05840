/**
 * The wire formats of tool calls, a class each, or one for those that differ in their markers only: what tells a
 * format, its markers, reader, writer and grammar. Readers of notations that several share (JSON, XML, Python, pairs of
 * tags) stand beside them.
 *
 * <p>{@link dev.langchain4j.model.mlx.calls.ToolCallFormat} names the formats,
 * {@link dev.langchain4j.model.mlx.calls.OutputFormat} is what a request needs of them.
 */
@Internal
package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.Internal;

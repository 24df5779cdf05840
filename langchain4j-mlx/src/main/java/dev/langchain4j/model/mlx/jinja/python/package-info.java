/**
 * Python's values and their rules: what truth, equality, order, text, attributes and methods are. Values are Java's own
 * where Python has the same ({@code null}, Boolean, Long, BigInteger, Double, String, List) and small classes where it
 * differs ({@code Dict}, {@code Tuple}, {@code Markup}, {@code Undefined}). {@code Render} is the state of one render,
 * {@code Budget} what is left of its limits, {@code Origins} which characters came from outside.
 */
@Internal
package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.Internal;

/**
 * The parts of a parsed template, which evaluate themselves over a {@code Frame}. {@code Program} is a whole template;
 * {@code Scope} turns names into slots.
 */
@Internal
package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.Internal;

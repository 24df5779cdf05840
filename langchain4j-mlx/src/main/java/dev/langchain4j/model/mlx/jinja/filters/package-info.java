/**
 * What templates can name without defining it: filters, tests and global functions.
 */
@Internal
package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.Internal;

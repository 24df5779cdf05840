package dev.langchain4j.model.mlx.jinja.common;

import java.util.List;

/**
 * What a template rendered.
 *
 * @param text the output
 * @param spans which parts of the text came from which element of the traced list, in the order in which they were
 *     written
 * @param outside which characters came from outside of the template, after a mark in the context's strings
 */
public record RenderResult(String text, List<Span> spans, TextRanges outside) {

    public RenderResult {
        spans = List.copyOf(spans);
    }

    /** The same text with other spans. */
    public RenderResult withSpans(List<Span> others) {
        return new RenderResult(text, others, outside);
    }

    /**
     * The part {@code [start, end)} of the text that one iteration of a {@code for} loop over the traced list wrote.
     *
     * <p>Any loop whose element is one of the traced list's elements counts, whether it runs over the list itself, a
     * slice, a filtered or a reordered copy; so does a loop over indexes that reads an element by its index.
     * Iterations that wrote nothing are left out; so are loops inside of macros, set, call and filter blocks, since
     * their text is placed later or altered. An element may have several spans, and spans may nest.
     *
     * @param element index in the traced list
     * @param start offset in the text in UTF-16 units, inclusive
     * @param end offset in the text in UTF-16 units, exclusive
     */
    public record Span(int element, int start, int end) {}
}

package dev.langchain4j.model.mlx.jinja.tree;

/** A place in a template's source, counted from 1. */
public interface Position {
    int line();

    int column();
}

package dev.langchain4j.model.mlx.hub;

import java.nio.file.Path;

/**
 * A snapshot of a repository in the Hugging Face cache.
 *
 * @param name loads it: {@code owner/name}, and {@code @revision} where that is not main
 * @param folder has its files; does not exist if the cache names a commit that it does not have
 * @param bytes of its files, as far as they are there
 * @param problem what it lacks to be loaded; empty if it has all
 */
public record CachedModel(String name, Path folder, long bytes, String problem) {}

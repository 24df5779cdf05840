/**
 * What a prompt cache keeps in files: parts of paths of tokens with bytes that nothing here understands. Knows no
 * layers, no arrays and no model. {@link dev.langchain4j.model.mlx.cache.disk.DiskLimits},
 * {@link dev.langchain4j.model.mlx.cache.disk.DiskKeys} and {@link dev.langchain4j.model.mlx.cache.disk.DiskStats} are
 * for applications, the rest is internal.
 */
package dev.langchain4j.model.mlx.cache.disk;

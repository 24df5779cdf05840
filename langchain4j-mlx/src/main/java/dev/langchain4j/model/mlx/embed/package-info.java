/**
 * Vectors and scores of texts: a folder's encoder, pooling and prompts as sentence-transformers has them, and
 * rerankers. Entries: TextEmbedder, PairScorer.
 */
@Internal
package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.Internal;

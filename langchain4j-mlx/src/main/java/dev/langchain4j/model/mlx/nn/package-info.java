/** Layers that architectures are made of. They borrow their arrays from Weights and own none. */
@Internal
package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.Internal;

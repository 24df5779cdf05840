/** One architecture a file, named for its model_type. Entries: ModelLoader, ModelRegistry. */
@Internal
package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.Internal;

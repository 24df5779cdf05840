package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.mlx.MlxModel;
import java.util.LinkedHashMap;
import java.util.Map;

/** What health indicators tell of a model. */
final class MlxHealthDetails {
    private MlxHealthDetails() {}

    static Map<String, Object> of(MlxModel model) {
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("model", model.name());
        if (!model.isClosed()) {
            details.put("contextLength", model.contextLength());
            details.put("weightBytes", model.weightBytes());
            details.put("memoryBytes", MlxMemory.activeBytes());
            details.put("memoryBudgetBytes", MlxMemory.budgetBytes());
        }
        return details;
    }
}

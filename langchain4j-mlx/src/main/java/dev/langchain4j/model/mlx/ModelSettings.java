package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.hub.LocatedModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Rules of settings that the builders of several models have, and how those find a model. */
final class ModelSettings {
    private ModelSettings() {}

    /** Refuses what is below 1; null is a setting that was left open. */
    static void atLeastOne(String setting, Integer value) {
        if (value != null && value < 1) {
            throw new InvalidRequestException(setting + " (" + value + ") must be at least 1");
        }
    }

    /** Refuses none and more than one, of names each followed by its value. */
    static void onlyOne(Object... namesAndValues) {
        List<String> all = new ArrayList<>();
        int set = 0;
        for (int i = 0; i < namesAndValues.length; i += 2) {
            all.add(namesAndValues[i] + " (" + namesAndValues[i + 1] + ")");
            set += namesAndValues[i + 1] == null ? 0 : 1;
        }
        if (set != 1) {
            String last = all.removeLast();
            throw new InvalidRequestException(
                    String.join(", ", all) + " or " + last + " must be set, and only one of them");
        }
    }

    /** The folder, or else what the hub has under a name; without a hub that of the environment. */
    static LocatedModel locate(Path folder, String modelName, HuggingFaceHub hub) {
        NativeParts.loadLibraries();
        if (folder != null) {
            return LocatedModel.of(folder);
        }
        return (hub != null ? hub : HuggingFaceHub.fromEnvironment()).locate(modelName);
    }

    /** The loaded model, which stays its owner's, or else a share of the one of that name or in that folder. */
    static SharedModels.Share share(MlxModel model, String modelName, Path folder, HuggingFaceHub hub) {
        onlyOne("model", model == null ? null : model.name(), "modelName", modelName, "modelPath", folder);
        return model != null ? SharedModels.borrowed(model) : SharedModels.acquire(folder, modelName, hub);
    }
}

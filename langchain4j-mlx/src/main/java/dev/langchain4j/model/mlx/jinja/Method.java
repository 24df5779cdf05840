package dev.langchain4j.model.mlx.jinja;

/** A method of one of Python's types. */
record Method(String name, Params params, Body body) {

    /** What a method does with its object and its arguments, which are {@link Values#MISSING} where not given. */
    interface Body {
        Object apply(Render render, Object self, Object[] args);
    }

    /** What a method without a fixed list of parameters does. */
    interface FreeBody {
        Object apply(Render render, Object self, Args args);
    }

    /** A method that takes any arguments: its body reads them itself. */
    static Method free(String name, FreeBody body) {
        return new Method(name, null, (render, self, args) -> body.apply(render, self, (Args) args[0]));
    }

    Object call(Render render, Object self, Args args) {
        return body.apply(render, self, params == null ? new Object[] {args} : params.bind(name, args));
    }

    /** A method together with its object, as a value. */
    record Bound(Method method, Object self) implements PyCallable {
        @Override
        public Object call(Render render, Args args) {
            return method.call(render, self, args);
        }
    }
}

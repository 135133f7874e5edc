package kernel

import "io/fs"

// A keeper is a file system that keeps what was made of a file until that changes.
type keeper interface {
	Keep(key string, make func() (any, error)) (any, error)
}

// keep returns what make makes of a file. Many subjects need the same, and more
// than once: who gets it must not change it.
func keep[T any](fsys fs.FS, file string, make func() (T, error)) (T, error) {
	k, ok := fsys.(keeper)
	if !ok {
		return make()
	}
	made, err := k.Keep(file, func() (any, error) { return make() })
	if err != nil {
		var none T
		return none, err
	}
	return made.(T), nil
}

//go:build !linux

package target

import "errors"

// lacksOfKVM needs Linux.
func lacksOfKVM() ([]string, error) { return nil, errors.ErrUnsupported }

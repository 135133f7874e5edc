//go:build !linux

package imagefile

import (
	"errors"
	"os"
)

func sectorOf(*os.File) (int, error) { return 0, errors.ErrUnsupported }

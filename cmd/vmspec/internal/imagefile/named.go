package imagefile

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// File returns the name of a file with the raw disk, for a program that opens it by
// itself: the image's own where that is raw, else a copy in dir.
func (i *Image) File(ctx context.Context, dir string) (string, error) {
	if i.In == "" {
		return filepath.Abs(i.file.Name())
	}
	name := filepath.Join(dir, "disk.raw")
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = sparse(ctx, out, io.NewSectionReader(i, 0, i.Size))
	return name, errors.Join(err, out.Close())
}

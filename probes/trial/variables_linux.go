package trial

import (
	"encoding/binary"
	"fmt"

	"vmspec/probes/efi"

	"golang.org/x/sys/unix"
)

const efivarfs = "/sys/firmware/efi/efivars/"

// Variables creates a UEFI variable and deletes it again. It also notes how much
// space the store has, if the kernel shows that.
//
// It names each UEFI runtime service before Linux calls it: if the firmware does
// not return, that CPU is lost.
func Variables(calls func(service string), n *efi.Trial) error {
	calls("QueryVariableInfo")
	s, err := statEfivarfs()
	if err != nil {
		return err
	}
	if s.Blocks > 0 { // since Linux 6.7
		n.Space = &efi.Space{Free: s.Bfree * uint64(s.Bsize), Total: s.Blocks * uint64(s.Bsize)}
	}
	return tryVariables(efivar(efivarfs+trialVariable, calls), n)
}

// statEfivarfs fails if efivarfs is not mounted.
func statEfivarfs() (s unix.Statfs_t, err error) {
	if err = unix.Statfs(efivarfs, &s); err != nil {
		return s, fmt.Errorf("look at efivarfs: %w", err)
	}
	if uint32(s.Type) != unix.EFIVARFS_MAGIC {
		return s, fmt.Errorf("efivarfs is not mounted")
	}
	return s, nil
}

// efivar is the variable in a file of efivarfs. Each change is one write of the
// attributes and the data (Documentation/filesystems/efivarfs.rst).
func efivar(name string, calls func(service string)) variableStore {
	write := func(flags int, attributes uint32, data []byte) error {
		fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CLOEXEC|flags, 0o600)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		calls("SetVariable")
		return retryAborted(func() error {
			_, err := unix.Write(fd, append(binary.LittleEndian.AppendUint32(nil, attributes), data...))
			return err
		})
	}
	return variableStore{
		exists: func() bool { return unix.Access(name, unix.F_OK) == nil },
		create: func(attributes uint32, data []byte) error {
			return write(unix.O_CREAT|unix.O_EXCL, attributes, data)
		},
		append: func(attributes uint32, data []byte) error {
			mutable(name)
			return write(unix.O_APPEND, attributes, data)
		},
		read: func() ([]byte, error) {
			calls("GetVariable")
			return readVariable(name)
		},
		delete: func() error {
			mutable(name)
			calls("SetVariable")
			return retryAborted(func() error { return unix.Unlink(name) })
		},
	}
}

func readVariable(name string) ([]byte, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	data := make([]byte, 128) // more than a variable of the suite's has
	n := 0
	err = retryAborted(func() (err error) {
		n, err = unix.Read(fd, data)
		return err
	})
	return data[:max(n, 0)], err
}

// immutable is FS_IMMUTABLE_FL of include/uapi/linux/fs.h.
const immutable = 0x10

// mutable allows changes to a file: efivarfs protects variables that it does not
// know from being deleted by accident. If it fails, the change itself will fail.
func mutable(name string) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if flags, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS); err == nil && flags&immutable != 0 {
		_ = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, flags&^immutable)
	}
}

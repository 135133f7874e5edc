package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/u-root/u-root/pkg/mount"
	"golang.org/x/sys/unix"
)

// mounts are the file systems of a guest that we boot, in order. A kernel may lack
// some of them: the probes say what they miss.
var mounts = []struct{ dir, fstype string }{
	{"/proc", "proc"},
	{"/sys", "sysfs"},
	{"/dev", "devtmpfs"},
	{"/tmp", "tmpfs"},
	{"/sys/kernel/debug", "debugfs"},
	{"/sys/kernel/security", "securityfs"},
}

const efivars = "/sys/firmware/efi/efivars"

func mountAll() error {
	var errs []error
	for _, m := range mounts {
		if _, err := mount.Mount(m.fstype, m.dir, m.fstype, "", 0); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// mountVariables mounts efivarfs, whose driver is often a module.
func mountVariables() error {
	if _, err := os.Stat(efivars); err != nil {
		return nil
	}
	_, err := mount.Mount("efivarfs", efivars, "efivarfs", "", 0)
	return err
}

// quietKernel keeps the kernel's messages off the console, except emergencies.
// They would cut lines of the report in two.
func quietKernel() error {
	const consoleLevel = 8 // SYSLOG_ACTION_CONSOLE_LEVEL, include/linux/syslog.h
	_, _, errno := unix.Syscall(unix.SYS_SYSLOG, consoleLevel, 0, 1)
	if errno != 0 {
		return fmt.Errorf("lower the console log level: %w", errno)
	}
	return nil
}

// leave ends the machine as vmspec.after asks.
func leave(after string) {
	unix.Sync()
	how := uint32(unix.LINUX_REBOOT_CMD_POWER_OFF)
	switch after {
	case "reboot":
		how = unix.LINUX_REBOOT_CMD_RESTART
	case "halt":
		how = unix.LINUX_REBOOT_CMD_HALT
	}
	err := unix.Reboot(int(int32(how))) // on 32 bits the commands overflow an int
	say("could not end the machine: %v", err)
	for { // PID 1 may not return
		time.Sleep(time.Hour)
	}
}

package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// openTUN makes a TUN device and returns its file, which does not block. The device lives as long as
// the file is open, in whatever namespace it has been moved to.
func openTUN(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("/dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		return -1, errors.Join(fmt.Errorf("device %s: %w", name, err), unix.Close(fd))
	}
	return fd, nil
}

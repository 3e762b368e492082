#ifndef FPNAS_H
#define FPNAS_H
#endif
